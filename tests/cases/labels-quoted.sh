prepare_here o --dimension 8 --labels labels.csv
((status == 0)) || wrong "quoted fields of labels are refused: $(message)"
said '1 of 4' || wrong "the label of the quoted row did not reach its reply"
right "read: one of four replies has its label"
