prepare_here o --dimension 8
((status == 0)) || wrong "a blank line is refused: $(message)"
all_words "$T/o" neighbour miss talked sorry cake lemon
right "the blank line is passed over, and both dialogues are there"
