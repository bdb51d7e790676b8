# Reads its prerequisites in FROM, and writes into TO.
all: $(TO)/upper $(TO)/word

include $(FROM)/settings.mk

$(TO)/upper: $(FROM)/text
	tr a-z A-Z < $< > $@

$(TO)/word: $(FROM)/settings.mk
	echo $(WORD) > $@
