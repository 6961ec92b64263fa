-- For pandoc: links to pages of Markdown become links to their HTML; the first heading is the title.
local function html(target)
  if target:match("^%a[%w+.-]*:") then return target end
  return (target:gsub("README%.md", "index.html"):gsub("%.md$", ".html"):gsub("%.md#", ".html#"))
end

function Link(link)
  link.target = html(link.target)
  return link
end

function Pandoc(document)
  for _, block in ipairs(document.blocks) do
    if block.t == "Header" then
      document.meta.pagetitle = pandoc.MetaInlines(block.content)
      break
    end
  end
  return document
end
