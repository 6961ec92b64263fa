secret=$T/home/zuleika42/private-project
mkdir -p "$secret"
cp -r "$DATA" "$secret/data"
must train --data "$secret/data" --out "$T/shared" --config "$TINY" --max-steps 1 --quiet
# What is passed on is the checkpoint; the run may remember for itself where its data lies.
! grep -rlaE 'zuleika42|private-project' "$T/shared/last" >"$T/files" || wrong "the absolute path stands in $(sed "s,$T/,,g" "$T/files" | tr '\n' ' ')"
# Where the data lies is found all the same, from anywhere.
(cd / && "$PROGRAM" evaluate "$T/shared" --checkpoint last --data "$secret/data" --split valid >/dev/null 2>&1) || wrong "evaluate --data no longer works"
right "no file of the checkpoint holds the path"
