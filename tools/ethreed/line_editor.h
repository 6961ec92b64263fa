#pragma once
// Lines that a person types, with editing and history, or lines of a file.

#include <memory>
#include <string>

namespace ethreed {

enum class Line {
  read,     ///< a line
  stopped,  ///< Ctrl-C: what was typed is dropped
  end,      ///< Ctrl-D, or the file's end
};

/// Reads standard input. Where a terminal is on both sides and it can do more than print (TERM is neither unset nor
/// "dumb"), with libedit: arrow keys, Ctrl-A, Ctrl-R, the lines typed before. Ctrl-C never ends the program while it
/// lives.
class LineEditor {
 public:
  explicit LineEditor(std::string prompt);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Is a terminal on both sides: then the prompt is shown.
  bool terminal() const { return terminal_; }
  /// Without its end.
  Line read(std::string& line);

 private:
  struct Editor;
  Line read_plain(std::string& line);

  std::string prompt_, rest_;  // what of the file was read and not handed out
  bool terminal_, at_end_ = false;
  std::unique_ptr<Editor> editor_;
};

}  // namespace ethreed
