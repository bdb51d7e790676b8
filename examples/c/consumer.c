/* Reads COUNT files of ten 32-bit integers each in DIRECTORY, and checks every value. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: %s COUNT DIRECTORY\n", argv[0]), 2;
  for (int i = 0; i < atoi(argv[1]); i++) {
    char path[4096];
    int32_t values[10] = {0};
    int isRight = 1;
    snprintf(path, sizeof path, "%s/data_%d.bin", argv[2], i);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return perror(path), 1;
    if (fread(values, sizeof values[0], 10, file) != 10) isRight = 0;
    for (int j = 0; j < 10; j++) isRight = isRight && values[j] == i * 10 + j;
    fclose(file);
    printf("data_%d.bin: %s\n", i, isRight ? "OK" : "wrong");
    if (!isRight) return 1;
  }
  return 0;
}
