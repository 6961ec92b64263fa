# Either a test that compares two builds, or words that are true.
if grep -rqlE 'TEST_CASE\(".*(-O1|-O2|optimi[sz]ation levels?)' "$SOURCE/tests"; then
  right "a test compares optimisation levels: $(grep -rlE 'TEST_CASE\(".*(-O1|-O2|optimi[sz]ation levels?)' "$SOURCE/tests" | head -n 1 | sed "s,$SOURCE/,,")"
fi
if grep -q 'bits must be the same in every build' "$SOURCE/CMakeLists.txt"; then
  wrong "CMakeLists.txt says that bits are the same in every build of one compiler, and no test compares two builds"
fi
grep -qiE -- '-O[123]|optimi[sz]ation' "$SOURCE/docs/surprises.md" || wrong "docs/surprises.md does not say that bits depend on the optimisation level"
right "CMakeLists.txt and docs/surprises.md say whose bits are equal"
