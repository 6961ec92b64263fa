# What Doxygen reads in place of a header (docs/site/Doxyfile). Comments here are plain text, to be read in the source:
# a backslash and an angle bracket in them are no commands. The // comment that a header begins with is that of the file.
use strict;
use warnings;

# Outside of `code` a backslash or the < of what looks like a tag would have a meaning.
sub plain {
  my @parts = split /(`[^`]*`)/, shift;
  for my $part (@parts) {
    next if $part =~ /^`/;
    $part =~ s/([\\@])/\\$1/g;
    $part =~ s/<(?=[A-Za-z\/!])/\\</g;
  }
  return join '', @parts;
}

my $place = 'top';
while (my $line = <>) {
  if ($place eq 'top' && $line =~ m{^// }) {
    print "/// \\file\n";
    $place = 'comment of the file';
  }
  if ($place eq 'comment of the file' && $line !~ s{^//}{///}) { $place = 'code'; }
  # A specialization of a variable of std is nothing that Doxygen could list.
  $line = "\n" if $line =~ /^template.* std::ranges::enable_\w+</;
  $line = $1 . plain($2) . "\n" if $line =~ m{^(.*?///<?)(.*)$} && $line !~ m{^/// \\file};
  print $line;
}
