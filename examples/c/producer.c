/* Writes COUNT files of ten 32-bit integers each into DIRECTORY, and knows nothing of DYAD. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: %s COUNT DIRECTORY\n", argv[0]), 2;
  for (int i = 0; i < atoi(argv[1]); i++) {
    char path[4096];
    int32_t values[10];
    for (int j = 0; j < 10; j++) values[j] = i * 10 + j;
    snprintf(path, sizeof path, "%s/data_%d.bin", argv[2], i);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(values, sizeof values[0], 10, file) != 10 || fclose(file) != 0) {
      return perror(path), 1;
    }
  }
  return 0;
}
