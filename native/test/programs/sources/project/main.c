#include <stdio.h>

int part(void);

int main(void) {
  printf("the part says %d\n", part());
  return 0;
}
