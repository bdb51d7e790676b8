/*
 * Each rank has a file of its own, and all of them write, or read, one more file together by
 * MPI-IO.
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 1000 };

static int fail(const char *what, int rank) {
  fprintf(stderr, "rank %d: %s failed\n", rank, what);
  MPI_Abort(MPI_COMM_WORLD, 1);
  return 1;
}

int main(int argc, char **argv) {
  int rank, values[COUNT], found[COUNT];
  MPI_File shared;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  int writes = strcmp(argv[1], "write") == 0;
  char own[4096], together[4096];
  snprintf(own, sizeof own, "%s/rank-%d", argv[2], rank);
  snprintf(together, sizeof together, "%s/together", argv[2]);
  for (int i = 0; i < COUNT; i++) values[i] = rank * COUNT + i;

  FILE *file = fopen(own, writes ? "wb" : "rb");
  if (file == NULL) return fail("fopen", rank);
  if (writes && fwrite(values, sizeof values, 1, file) != 1) return fail("fwrite", rank);
  if (!writes && (fread(found, sizeof found, 1, file) != 1 || memcmp(found, values, sizeof found) != 0))
    return fail("fread", rank);
  if (fclose(file) != 0) return fail("fclose", rank);

  int mode = writes ? MPI_MODE_CREATE | MPI_MODE_WRONLY : MPI_MODE_RDONLY;
  if (MPI_File_open(MPI_COMM_WORLD, together, mode, MPI_INFO_NULL, &shared) != MPI_SUCCESS)
    return fail("MPI_File_open", rank);
  MPI_Offset at = (MPI_Offset)rank * sizeof values;
  int result = writes ? MPI_File_write_at_all(shared, at, values, COUNT, MPI_INT, MPI_STATUS_IGNORE)
                      : MPI_File_read_at_all(shared, at, found, COUNT, MPI_INT, MPI_STATUS_IGNORE);
  if (result != MPI_SUCCESS) return fail("MPI-IO", rank);
  if (!writes && memcmp(found, values, sizeof found) != 0) return fail("the shared file", rank);
  if (MPI_File_close(&shared) != MPI_SUCCESS) return fail("MPI_File_close", rank);

  int one = 1, ranks = 0;
  MPI_Reduce(&one, &ranks, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
  if (rank == 0) printf("%d ranks\n", ranks);
  return MPI_Finalize();
}
