must chat "$RUN" --policy mean <posts.txt
posts=$(grep -c . posts.txt)
told=$(cat "$T/out" "$T/err" | grep -aicE 'known|vocabulary') || true
((told >= posts)) || wrong "$told of $posts posts without a known word are said to be such"
must chat "$RUN" --policy mean <<<"i am so happy today"
said '(no|none of the) words?.*known|0 of [0-9]+ words' && wrong "a post of known words is said to have none"
right "each of the $posts posts is said to have no known word"
