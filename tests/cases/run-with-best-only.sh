mkdir "$T/copy"
cp -r "$RUN/best" "$T/copy/"
ethreed chat "$T/copy" --checkpoint last <<<hello
((status == 0)) && right "the checkpoint that is there is used"
refused || wrong "status $status: $(message)"
said 'best' || wrong "the message does not name best: $(message)"
said "yet|end makes it" && wrong "the message says that last is not there yet: $(message)"
right "refused: $(message)"
