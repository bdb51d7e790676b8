/*
 * As many opens at once as its first argument says, each by a thread of its own, of the files 0, 1,
 * … of a directory.
 */
#define PROBE_HAS_MAIN
#include "probe.h"

static const char *directory;

static void *read_one(void *number) {
  char path[PATH_MAX], text[64] = {0}, expected[64];
  snprintf(path, sizeof path, "%s/%d", directory, (int)(intptr_t)number);
  int fd = open(path, O_RDONLY);
  if (fd < 0) return (void *)(intptr_t)errno;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  snprintf(expected, sizeof expected, "%d", (int)(intptr_t)number);
  return (void *)(intptr_t)(length > 0 && strcmp(text, expected) == 0 ? 0 : -1);
}

int main(int argc, char **argv) {
  int count = atoi(argv[1]), files = atoi(argv[2]);
  directory = argv[3];
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  pthread_t *threads = calloc((size_t)count, sizeof *threads);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (int i = 0; i < count; i++)
    CHECK("pthread_create", pthread_create(&threads[i], &attributes, read_one, (void *)(intptr_t)(i % files)) == 0);
  int failed = 0;
  for (int i = 0; i < count; i++) {
    void *result;
    pthread_join(threads[i], &result);
    if (result != NULL) fprintf(stderr, "%d: %d\n", i, (int)(intptr_t)result), failed++;
  }
  return failed == 0 ? 0 : 1;
}
