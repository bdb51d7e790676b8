# Builds the compiled programs into $BIN. $SRC is the folder of this script.
set -eu
EXAMPLES=$(cd "$SRC/../../../../examples/c" && pwd)
cd "$BIN"
for name in threads forks attributes; do
  gcc -O1 -Wall -Wextra -Werror -pthread "$SRC/$name.c" -o "$name"
done
for name in producer consumer; do
  gcc -O1 -Wall -Wextra -Werror "$EXAMPLES/$name.c" -o "demo-$name"
  gcc -O1 -static "$EXAMPLES/$name.c" -o "static-$name"
done
g++ -O1 -Wall -Wextra -Werror -std=c++17 "$SRC/fstream.cpp" -o fstream
gfortran -O1 -Wall "$SRC/units.f90" -o units
mpicc -O1 -Wall "$SRC/mpi.c" -o mpi
h5cc -O1 -Wall "$SRC/frames.c" -o frames
