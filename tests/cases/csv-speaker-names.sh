prepare_here o --dimension 8
((status == 0)) || wrong "names of the parties are refused: $(message)"
all_words "$T/o" neighbour miss talked sorry cake lemon
[[ $(utterances "$T/o" train | wc -l) -eq 8 ]] || wrong "eight rows do not give eight utterances"
right "any text is a party's name"
