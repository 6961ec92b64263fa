mutant=kernels
. "$SOURCE/tests/cases/mutants.sh"
