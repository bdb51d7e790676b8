/* Writes COUNT files of ten 32-bit integers into DIRECTORY. It knows nothing of DYAD. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s COUNT DIRECTORY\n", argv[0]);
    return 2;
  }
  int count = atoi(argv[1]);
  for (int i = 0; i < count; i++) {
    char path[4096];
    int32_t values[10];
    snprintf(path, sizeof path, "%s/data%d.txt", argv[2], i);
    for (int j = 0; j < 10; j++) values[j] = i * 10 + j;
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(values, sizeof values[0], 10, file) != 10 || fclose(file) != 0) {
      perror(path);
      return 1;
    }
    printf("File %d: written\n", i);
  }
  return 0;
}
