/*
 * Does one call for each line of its input, and answers each with a line: errno's number, 0 where
 * all went well, and what the call gave.
 */
#define PROBE_HAS_MAIN
#include "probe.h"
#include <dlfcn.h>
#include <ftw.h>

static int descriptor = -1;
static FILE *stream;
static char *memory;

static void answer(int failed, const char *text) {
  printf("%d %s\n", failed ? errno : 0, text);
  fflush(stdout);
}

static char *walked;

static int on_walk(const char *path, const struct stat *found, int kind, struct FTW *place) {
  int fd = kind == FTW_F ? open(path + place->base, O_RDONLY) : -1;
  if (fd < 0) return 0;
  ssize_t length = read(fd, walked, PATH_MAX);
  walked += length < 0 ? 0 : length;
  *walked = 0;
  return close(fd);
}

static void on_signal(int number) {}

int main(void) {
  static char line[3 * PATH_MAX], text[3 * PATH_MAX];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = 0;
    char *op = strtok(line, " "), *a = strtok(NULL, " "), *b = strtok(NULL, " ");
    struct stat found;
    errno = 0;
    text[0] = 0;
    int failed = 0;
    if (strcmp(op, "read") == 0) {
      int fd = open(a, O_RDONLY);
      failed = fd < 0;
      if (!failed) {
        ssize_t length = read(fd, text, sizeof text - 1);
        text[length < 0 ? 0 : length] = 0;
        close(fd);
      }
    } else if (strcmp(op, "read-both") == 0) {
      int fd = open(a, O_RDWR | O_APPEND);
      failed = fd < 0;
      if (!failed) {
        ssize_t length = read(fd, text, sizeof text - 1);
        text[length < 0 ? 0 : length] = 0;
        close(fd);
      }
    } else if (strcmp(op, "fread") == 0) {
      FILE *read = fopen(a, "r");
      failed = read == NULL;
      if (!failed) {
        text[fread(text, 1, sizeof text - 1, read)] = 0;
        fclose(read);
      }
    } else if (strcmp(op, "open") == 0) failed = (descriptor = open(a, O_WRONLY | O_CREAT | O_TRUNC, 0644)) < 0;
    else if (strcmp(op, "open-both") == 0) failed = (descriptor = open(a, O_RDWR)) < 0;
    else if (strcmp(op, "open-read") == 0) failed = (descriptor = open(a, O_RDONLY)) < 0;
    else if (strcmp(op, "rest") == 0) {
      ssize_t length = read(descriptor, text, sizeof text - 1);
      failed = length < 0;
      text[length < 0 ? 0 : length] = 0;
    } else if (strcmp(op, "write") == 0) failed = write(descriptor, a, strlen(a)) < 0;
    else if (strcmp(op, "rewind") == 0) failed = lseek(descriptor, 0, SEEK_SET) < 0;
    else if (strcmp(op, "map") == 0) {
      memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
      failed = memory == MAP_FAILED;
    } else if (strcmp(op, "unmap") == 0) failed = munmap(memory, 4096) < 0;
    else if (strcmp(op, "fill") == 0) {
      /* More than there is room for. */
      size_t size = (size_t)strtoul(a, NULL, 10);
      char *bytes = calloc(1, size);
      failed = write(descriptor, bytes, size) < 0 || write(descriptor, bytes, size) < 0;
      free(bytes);
    } else if (strcmp(op, "close") == 0) failed = close(descriptor) < 0;
    else if (strcmp(op, "fopen") == 0) failed = (stream = fopen(a, b)) == NULL;
    else if (strcmp(op, "fputs") == 0) failed = fputs(a, stream) < 0;
    else if (strcmp(op, "fclose") == 0) failed = fclose(stream) != 0;
    else if (strcmp(op, "stat") == 0) {
      failed = stat(a, &found) < 0;
      if (!failed) sprintf(text, "%lld %o", (long long)found.st_size, found.st_mode);
    } else if (strcmp(op, "access") == 0) failed = access(a, R_OK) < 0;
    else if (strcmp(op, "unlink") == 0) failed = unlink(a) < 0;
    else if (strcmp(op, "remove") == 0) failed = remove(a) < 0;
    else if (strcmp(op, "unlinkat") == 0) failed = unlinkat(AT_FDCWD, a, 0) < 0;
    else if (strcmp(op, "mkdir") == 0) failed = mkdir(a, 0755) < 0;
    else if (strcmp(op, "chdir") == 0) failed = chdir(a) < 0;
    else if (strcmp(op, "nftw") == 0) {
      /* Reads a file relative to each directory of a tree. */
      walked = text;
      failed = nftw(a, on_walk, 8, FTW_CHDIR) != 0;
    } else if (strcmp(op, "symlink") == 0) failed = symlink(a, b) < 0;
    else if (strcmp(op, "rename") == 0) failed = rename(a, b) < 0;
    else if (strcmp(op, "exchange") == 0) failed = renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0;
    else if (strcmp(op, "link") == 0) failed = link(a, b) < 0;
    else if (strcmp(op, "limit") == 0) {
      struct rlimit limit = {strtoul(a, NULL, 10), strtoul(a, NULL, 10)};
      signal(SIGXFSZ, SIG_IGN);
      failed = setrlimit(RLIMIT_FSIZE, &limit) < 0;
    } else if (strcmp(op, "alarm") == 0) {
      /* A signal in that many milliseconds, whose handler does not let calls go on. */
      struct sigaction action = {.sa_handler = on_signal};
      struct itimerval timer = {.it_value = {.tv_usec = 1000 * atoi(a)}};
      failed = sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &timer, NULL) < 0;
    } else if (strcmp(op, "fork") == 0) {
      /* A child with a copy of the descriptor, that ends when it is killed. */
      pid_t child = fork();
      if (child == 0) for (;;) pause();
      sprintf(text, "%d", child);
    } else if (strcmp(op, "fork-exit") == 0) {
      /* A child with a copy of the descriptor, that ends at once. */
      int status = -1;
      pid_t child = fork();
      if (child == 0) _exit(0);
      failed = waitpid(child, &status, 0) != child;
      sprintf(text, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    } else if (strcmp(op, "aside") == 0) {
      void (*stand_aside)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "dyad_preload_stand_aside");
      failed = stand_aside == NULL;
      if (!failed) stand_aside(atoi(a));
    } else if (strcmp(op, "onto") == 0) {
      /* Descriptors of the program's choice, where the library may have its own. */
      for (int wanted = 760; wanted < 800 && !failed; wanted++) failed = dup2(0, wanted) < 0;
    } else if (strcmp(op, "reap") == 0) {
      kill(atoi(a), SIGKILL);
      waitpid(atoi(a), NULL, 0);
    } else if (strcmp(op, "kill") == 0) raise(SIGKILL);
    else if (strcmp(op, "exit") == 0) exit(atoi(a));
    else if (strcmp(op, "_exit") == 0) _exit(atoi(a));
    else if (strcmp(op, "descriptors") == 0) {
      DIR *list = opendir("/proc/self/fd");
      struct dirent *entry;
      int count = 0;
      while ((entry = readdir(list)) != NULL) count += entry->d_name[0] != '.';
      closedir(list);
      sprintf(text, "%d", count - 1);
    } else fail("an unknown step");
    answer(failed, text);
  }
  return 0;
}
