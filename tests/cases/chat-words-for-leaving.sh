# On a terminal: commands are no posts, keys of editing put nothing into a post, Ctrl-C leaves no prompt half-written.
python3 "$SOURCE/tests/cases/terminal.py" "$T/help" "$PROGRAM" chat "$RUN" -- '/help\r' '/quit\r' || wrong "chat does not end after /quit"
grep -aq 'you seem' "$T/help" && wrong "/help or /quit is answered as a post"
grep -aq '/quit' "$T/help" || wrong "/help does not name /quit"
python3 "$SOURCE/tests/cases/terminal.py" "$T/arrow" "$PROGRAM" chat "$RUN" -- 'i am glad\r' '\x1b[A\r' '\x04' || wrong "chat does not end at Ctrl-D"
[[ $(grep -ac 'you seem' "$T/arrow") -eq 2 ]] || wrong "the arrow key does not bring the last post back"
python3 "$SOURCE/tests/cases/terminal.py" "$T/interrupt" "$PROGRAM" chat "$RUN" -- 'half a line\x03' '\x04' || wrong "chat does not end after Ctrl-C and Ctrl-D"
tail -c 1 "$T/interrupt" | grep -q . && wrong "after Ctrl-C the shell's prompt stands in the line of chat's"
right "/help, /quit, history and Ctrl-C do what they say"
