/* Eight threads write, and read, a file each; the one of the path is the last. */
#include "probe.h"

static char paths[8][PATH_MAX];


static void *consume_one(void *path) {
  int fd = open(path, O_RDONLY);
  CHECK("open", fd >= 0);
  char text[PATH_MAX + 32] = {0};
  CHECK("read", read(fd, text, sizeof text - 1) > 0);
  const char *name = strrchr(path, '/') + 1;
  CHECK("the text", strstr(text, name) != NULL);
  CHECK("close", close(fd) == 0);
  return NULL;
}

static void run(const char *path, void *(*work)(void *)) {
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) {
    snprintf(paths[i], sizeof paths[i], "%s.%d", path, i);
    CHECK("pthread_create", pthread_create(&threads[i], NULL, work, paths[i]) == 0);
  }
  for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
}

static void produce_all(const char *path) {
  pthread_t threads[8];
  static char texts[8][PATH_MAX];
  for (int i = 0; i < 8; i++) {
    snprintf(texts[i], sizeof texts[i], "%s.%d", path, i);
    int fd = open(texts[i], O_WRONLY | O_CREAT, 0644);
    CHECK("open", fd >= 0);
    const char *name = strrchr(texts[i], '/') + 1;
    CHECK("write", write(fd, name, strlen(name)) > 0);
    CHECK("pthread_create",
          pthread_create(&threads[i], NULL, (void *(*)(void *))(void *)close, (void *)(intptr_t)fd) == 0);
  }
  for (int i = 0; i < 8; i++) {
    void *closed;
    pthread_join(threads[i], &closed);
    CHECK("close", (int)(intptr_t)closed == 0);
  }
}

void produce(const char *path) {
  produce_all(path);
  make_file(path);
}

void consume(const char *path) {
  show_file(path);
  run(path, consume_one);
}
