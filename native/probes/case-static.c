/* A program that is linked statically. */
#include <stdio.h>

int main(void) { return puts("static") < 0; }
