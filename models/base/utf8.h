/* UTF-8, one character at a time. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Reads the character at text into *code. Returns its length in bytes, or 0 at the final NUL and
 * where the bytes are not well-formed: overlong, a surrogate, above U+10FFFF, cut short. */
static inline size_t utf8_decode(const char *text, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *byte = (const unsigned char *)text;
	size_t n_bytes = *byte < 0x80 ? 1 : *byte < 0xe0 ? 2 : *byte < 0xf0 ? 3 : 4;
	uint32_t c = n_bytes == 1 ? *byte : *byte & (0x7fu >> n_bytes);

	if (*byte == 0 || (*byte >= 0x80 && *byte < 0xc2) || *byte > 0xf4)
		return 0;
	for (size_t i = 1; i < n_bytes; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (byte[i] & 0x3fu);
	}
	if (c < least[n_bytes] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return n_bytes;
}
