/* Digests: the known answers of FIPS 180-4's examples, in one piece or many. */
#include "models/base/digest.h"
#include "tests/unit.h"
#include <stdio.h>
#include <string.h>

static void digest_text(const char *bytes, size_t n, size_t piece, char hex[65])
{
	unsigned char out[32];
	struct digest d;

	digest_init(&d);
	for (size_t at = 0; at < n; at += piece)
		digest_add(&d, bytes + at, piece < n - at ? piece : n - at);
	digest_end(&d, out);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", out[i]);
}

static void known_answers(void)
{
	static const struct {
		const char *text, *digest;
	} known[] = {
	        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char hex[65];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		digest_text(known[i].text, strlen(known[i].text), 64, hex);
		UNIT_TEXT(hex, known[i].digest);
	}
}

static void pieces_do_not_matter(void)
{
	char bytes[300], whole[65], pieces[65];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	for (size_t n = 0; n <= sizeof bytes; n += 7) {
		digest_text(bytes, n, sizeof bytes, whole);
		for (size_t piece = 1; piece < 70; piece += 3) {
			digest_text(bytes, n, piece, pieces);
			UNIT_TEXT(pieces, whole);
		}
	}
}

static const struct unit_test tests[] = {
        {"known answers", known_answers},
        {"pieces do not matter", pieces_do_not_matter},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("base_digest", tests);
}
