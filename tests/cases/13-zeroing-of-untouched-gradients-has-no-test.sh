mutant=zero_untouched_gradients
. "$SOURCE/tests/cases/mutants.sh"
