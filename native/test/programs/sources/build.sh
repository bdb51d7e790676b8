# Builds the compiled programs into $BIN. $SRC is the folder of this script.
set -eu
cd "$BIN"
for name in demo-producer demo-consumer threads forks attributes; do
  gcc -O1 -Wall -Wextra -Werror -pthread "$SRC/$name.c" -o "$name"
done
gcc -O1 -static "$SRC/demo-producer.c" -o static-producer
gcc -O1 -static "$SRC/demo-consumer.c" -o static-consumer
g++ -O1 -Wall -Wextra -Werror -std=c++17 "$SRC/fstream.cpp" -o fstream
gfortran -O1 -Wall "$SRC/units.f90" -o units
mpicc -O1 -Wall "$SRC/mpi.c" -o mpi
h5cc -O1 -Wall "$SRC/frames.c" -o frames
