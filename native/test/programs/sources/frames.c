/* Four frames in HDF5, written or read in the directory that the second argument names. */
#include <hdf5.h>
#include <stdio.h>
#include <string.h>

enum { FRAMES = 4, ATOMS = 5000 };

static float positions[ATOMS][3];

static int write_frame(const char *path, int frame) {
  hsize_t shape[2] = {ATOMS, 3};
  for (int i = 0; i < ATOMS; i++)
    for (int j = 0; j < 3; j++) positions[i][j] = (float)(frame * 10 + j);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t space = H5Screate_simple(2, shape, NULL);
  hid_t timeless = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(timeless, 0);
  hid_t data = H5Dcreate2(file, "positions", H5T_IEEE_F32LE, space, H5P_DEFAULT, timeless, H5P_DEFAULT);
  int failed = H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, positions) < 0;
  H5Dclose(data);
  H5Pclose(timeless);
  H5Sclose(space);
  return H5Fclose(file) < 0 || failed;
}

static int read_frame(const char *path, int frame) {
  double sum = 0;
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return 1;
  hid_t data = H5Dopen2(file, "positions", H5P_DEFAULT);
  int failed = H5Dread(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, positions) < 0;
  H5Dclose(data);
  H5Fclose(file);
  for (int i = 0; i < ATOMS; i++)
    for (int j = 0; j < 3; j++) sum += positions[i][j];
  printf("frame %d: %g\n", frame, sum);
  return failed;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int writes = strcmp(argv[1], "write") == 0;
  for (int frame = 0; frame < FRAMES; frame++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/frame-%d.h5", argv[2], frame);
    if (writes ? write_frame(path, frame) : read_frame(path, frame)) return 1;
  }
  return 0;
}
