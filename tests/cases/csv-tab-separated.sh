prepare_here o --dimension 8
refused_or_continue "that tabs separate" 'tab'
all_words "$T/o" neighbour miss talked sorry cake lemon
right "read, with the tabs seen in the header"
