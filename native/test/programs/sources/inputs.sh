# Makes the inputs of all programs in $IN, the same bytes each time. $SRC is the folder of this script.
set -eu
cd "$IN"
for i in $(seq 2000); do echo "line $i of a text that is longer than what travels in a record"; done > text
awk 'BEGIN { for (i = 0; i < 40000; i++) { x = (x * 1103515245 + 12345) % 2147483648; printf "%08x", x } }' > big
printf '%s' 'forty bytes, which travel in the record.' > small
mkdir -p tree/below
cp text tree/one
cp big 'tree/below/two words'
: > tree/below/empty
chmod 600 tree/one
touch -d '2020-02-02 02:02:02 UTC' tree/* tree/below/* tree
tar --sort=name --owner=0 --group=0 -cf tree.tar tree
cp -r "$SRC/project" project
/usr/bin/python3 - <<'PYTHON'
import h5py
import numpy

with h5py.File("frame.h5", "w") as file:
    file["x"] = numpy.arange(1000, dtype="f4").reshape(10, 100)
    file.attrs["step"] = 7
PYTHON
git init -q -b main repository
cd repository
cp ../text one
git add one
git commit -q -m first
cp ../small two
mkdir below
cp ../big below/big
git add .
git commit -q -m second
