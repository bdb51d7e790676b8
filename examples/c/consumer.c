/*
 * Reads the COUNT files of a producer in DIRECTORY and checks every value. It knows nothing of
 * DYAD.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s COUNT DIRECTORY\n", argv[0]);
    return 2;
  }
  int count = atoi(argv[1]), wrong = 0;
  for (int i = 0; i < count; i++) {
    char path[4096];
    int32_t values[11];
    snprintf(path, sizeof path, "%s/data%d.txt", argv[2], i);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
      perror("fopen");
      return 1;
    }
    int right = fread(values, sizeof values[0], 11, file) == 10;
    for (int j = 0; j < 10 && right; j++) right = values[j] == i * 10 + j;
    fclose(file);
    printf("File %d: %s\n", i, right ? "OK" : "BAD");
    wrong += !right;
  }
  return wrong > 0;
}
