prepare_here o --dimension 8
((status == 0)) || wrong "status $status: $(message)"
for mark in '，' '？' '！' '؟' '،' '।'; do
  vocabulary_has "$T/o" "$mark" || wrong "the mark $mark is no token of its own"
  ! grep -F -- "$mark" "$T/o/vocabulary.txt" | grep -qvxF -- "$mark" || wrong "the mark $mark sticks to a word"
done
right "marks of other scripts are tokens of their own"
