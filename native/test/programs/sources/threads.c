/*
 * Eight threads at once: each writes, or reads, eight files of its own, by descriptors and by
 * streams in turn.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8, FILES = 8, SIZE = 5000 };

static const char *directory;
static int writes;
static int failures[THREADS];

static void fill(char *bytes, int thread, int file) {
  for (int i = 0; i < SIZE; i++) bytes[i] = (char)(thread * 31 + file * 7 + i);
}

static int write_one(const char *path, const char *bytes, int by_stream) {
  if (by_stream) {
    FILE *file = fopen(path, "w");
    if (file == NULL) return 1;
    size_t written = fwrite(bytes, 1, SIZE, file);
    return fclose(file) != 0 || written != SIZE;
  }
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return 1;
  ssize_t written = write(fd, bytes, SIZE);
  return close(fd) != 0 || written != SIZE;
}

static int read_one(const char *path, const char *bytes, int by_stream) {
  char found[SIZE + 1];
  ssize_t size;
  if (by_stream) {
    FILE *file = fopen(path, "r");
    if (file == NULL) return 1;
    size = (ssize_t)fread(found, 1, sizeof found, file);
    fclose(file);
  } else {
    int fd = open(path, O_RDONLY);
    if (fd < 0) return 1;
    size = read(fd, found, sizeof found);
    close(fd);
  }
  return size != SIZE || memcmp(found, bytes, SIZE) != 0;
}

static void *work(void *argument) {
  int thread = (int)(long)argument;
  for (int file = 0; file < FILES; file++) {
    char path[4096], bytes[SIZE];
    snprintf(path, sizeof path, "%s/%d-%d", directory, thread, file);
    fill(bytes, thread, file);
    failures[thread] += writes ? write_one(path, bytes, file % 2) : read_one(path, bytes, file % 2);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  writes = strcmp(argv[1], "write") == 0;
  directory = argv[2];
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
  int failed = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    failed += failures[i];
  }
  printf("%d files, %d failed\n", THREADS * FILES, failed);
  return failed > 0;
}
