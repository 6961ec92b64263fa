// Records to be answered, in every format. The first byte of the input chooses the format. The program's
// reader, tools/ethreed/records.cpp, is compiled into the target.

#include "tools/ethreed/records.h"

#include "model/text/utf8.h"
#include "tests/fuzz/target.h"

#include <algorithm>

using namespace ethreed;

ETHREED_FUZZ_TARGET(records) {
  static const fuzz::InputFile file("records.dat");
  RecordArguments arguments;
  switch (input.empty() ? ' ' : input[0]) {
    case 'j': arguments.format = "json"; break;
    case 'l': arguments.format = "text"; break;
    case 't': arguments.delimiter = "tab"; [[fallthrough]];
    case 'd': arguments.format = "table"; break;
    case 'c': arguments.columns = {"text=a", "history=b"}; break;
    default: break;
  }
  arguments.in = file.hold(input.substr(std::min<std::size_t>(1, input.size()))).string();
  const Records records = read_records(arguments);
  std::int64_t line = 0;
  for (const InputRecord& record : records.all) {
    fuzz::require(record.line >= std::max<std::int64_t>(line, 1), "records are in order");
    line = record.line;
    fuzz::require(is_utf8(record.said.text), "a text is UTF-8");
    for (const std::optional<std::string>* text : {&record.id, &record.conversation, &record.response})
      fuzz::require(!*text || is_utf8(**text), "a field is UTF-8");
    if (record.history)
      for (const Said& said : *record.history) fuzz::require(is_utf8(said.text), "a text of the history is UTF-8");
  }
  const Conversations conversations(records.all);
  for (std::size_t i = 0; i < records.all.size(); ++i) {
    const std::int64_t before = conversations.before(i), after = conversations.after(i);
    fuzz::require(before < static_cast<std::int64_t>(i), "what was said before stands before");
    fuzz::require(before < 0 || conversations.after(static_cast<std::size_t>(before)) == static_cast<std::int64_t>(i),
                  "links go both ways");
    fuzz::require(after < 0 || after > static_cast<std::int64_t>(i), "what is said after stands after");
    fuzz::require(conversations.number(i) >= 1, "utterances are counted from 1");
  }
}
