prepare_here o --dimension 8 --labels labels.csv
((status == 0)) || refused || wrong "status $status: $(message)"
said 'Give --labels FILE' && wrong "the notice says: give --labels FILE, which was given"
said "speaker" || wrong "nothing says that all rows are the speaker's"
right "told: $(note speaker)"
