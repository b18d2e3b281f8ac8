// SPDX-License-Identifier: MIT
#include "plain_text.h"

#include <stdbool.h>

#define DIGITS_MAX 24
#define DAY_S 86400

void plain_text_init(struct plain_text *t, char *bytes, size_t size)
{
	*t = (struct plain_text){bytes, size, 0};
	bytes[0] = '\0';
}

static void add_char(struct plain_text *t, char c)
{
	if (t->len + 1 >= t->size)
		return;
	t->bytes[t->len++] = c;
	t->bytes[t->len] = '\0';
}

void plain_text_add(struct plain_text *t, const char *text)
{
	while (*text)
		add_char(t, *text++);
}

void plain_text_add_clean(struct plain_text *t, const char *text)
{
	for (const char *s = text ? text : "?"; *s; s++)
		add_char(t, *s >= ' ' && *s <= '~' ? *s : '?');
}

static void add_digits(struct plain_text *t, uint64_t number, unsigned base, int width)
{
	char digits[DIGITS_MAX];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	while (n < width && n < DIGITS_MAX)
		digits[n++] = '0';
	while (n > 0)
		add_char(t, digits[--n]);
}

void plain_text_add_number(struct plain_text *t, int64_t number, int width)
{
	if (number < 0)
		add_char(t, '-');
	add_digits(t, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, width);
}

void plain_text_add_hex(struct plain_text *t, uint64_t number, int width)
{
	add_digits(t, number, 16, width);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

void plain_text_add_date(struct plain_text *t, int64_t seconds, char between)
{
	static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days = seconds > 0 ? seconds / DAY_S : 0, second = seconds > 0 ? seconds % DAY_S : 0;
	int64_t year = 1970;
	int month = 0;

	for (; days >= 365 + is_leap(year) && year < 9999; year++)
		days -= 365 + is_leap(year);
	for (; month < 11 && days >= lengths[month] + (month == 1 && is_leap(year)); month++)
		days -= lengths[month] + (month == 1 && is_leap(year));
	plain_text_add_number(t, year, 4);
	add_char(t, '-');
	plain_text_add_number(t, month + 1, 2);
	add_char(t, '-');
	plain_text_add_number(t, days + 1, 2);
	add_char(t, between);
	plain_text_add_number(t, second / 3600, 2);
	add_char(t, ':');
	plain_text_add_number(t, second / 60 % 60, 2);
	add_char(t, ':');
	plain_text_add_number(t, second % 60, 2);
}
