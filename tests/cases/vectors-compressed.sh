prepare_here o --vectors vectors.txt.gz
refused_or_continue "what the file is" 'gzip|compress|unpack'
said 'vectors:.* [1-9][0-9]* of ' || wrong "the compressed file was taken, but covers no word: $(grep -a '^vectors' "$T/out")"
right "read: $(grep -a -m 1 '^vectors' "$T/out")"
