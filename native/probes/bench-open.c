/* Nanoseconds that an open and a close of a file take, the least of 20 rounds:
   LD_PRELOAD=LIBRARY bench-open PATH [ROUNDS] [w]. `w` opens for writing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int count = argc > 2 ? atoi(argv[2]) : 20000;
  int flags = argc > 3 && strcmp(argv[3], "w") == 0 ? O_RDWR | O_CREAT : O_RDONLY;
  double least = 1e18;
  for (int round = 0; round < 20; round++) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < count; i++) {
      int fd = open(argv[1], flags, 0644);
      if (fd < 0 || close(fd) != 0) return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double each = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / count;
    if (each < least) least = each;
  }
  printf("%.0f ns\n", least);
  return 0;
}
