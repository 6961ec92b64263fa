# CPU time, as the machine may be busy: today's reader takes 29 s for the half.
python3 -c "print('1.' * 400000 + '1a')" >"$T/post"
limit=100
status=0
(ulimit -t 6; exec "$PROGRAM" chat "$RUN" --checkpoint last --threads 1 <"$T/post" >"$T/out" 2>"$T/err") 2>/dev/null || status=$?
((status < 128)) || wrong "a line of 800 KB takes more than 6 s of CPU time"
((status == 0)) || wrong "chat ends with status $status: $(message)"
right "a line of 800 KB takes less than 6 s of CPU time"
