// SPDX-License-Identifier: MIT
/* util/toml: what is accepted and as what, and each error with its place. */
#include "run_suite.h"
#include "timed/util/toml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

static struct toml *document;

static const struct toml_value *parse(const char *text)
{
	struct toml_error error;
	int r = toml_parse(&document, &error, text, strlen(text));

	ck_assert_msg(r == 0, "%u:%u: %s", error.at.line, error.at.column, error.text);
	return toml_root(document);
}

static void done(void)
{
	toml_free(document);
	document = NULL;
}

/* Writes the tree as one line, so that a test can compare it whole. */
static size_t show(char *out, size_t size, const struct toml_value *v)
{
	size_t used = 0;

#define ADD(...) (used += (size_t)snprintf(out + used, size - used, __VA_ARGS__))
	switch (v->kind) {
	case TOML_STRING:
		ADD("'%s'", v->u.string.data);
		ck_assert_uint_eq(strlen(v->u.string.data), v->u.string.len);
		break;
	case TOML_INTEGER:
		ADD("%lld", (long long)v->u.integer);
		break;
	case TOML_FLOAT:
		ADD("%g", v->u.real);
		break;
	case TOML_BOOLEAN:
		ADD("%s", v->u.boolean ? "true" : "false");
		break;
	case TOML_ARRAY:
	case TOML_TABLE:
		ADD("%s", v->kind == TOML_ARRAY ? "[" : "{");
		for (const struct toml_value *i = v->u.items.first; i; i = i->next) {
			if (i->key)
				ADD("%s=", i->key);
			used += show(out + used, size - used, i);
			if (i->next)
				ADD(",");
		}
		ADD("%s", v->kind == TOML_ARRAY ? "]" : "}");
		break;
	}
#undef ADD
	return used;
}

static const struct {
	const char *in;
	const char *out;
} good[] = {
	{"", "{}"},
	{"# nothing but a comment", "{}"},
	{"\xef\xbb\xbf# after a byte order mark\na = 1", "{a=1}"},
	{"a=1\nb = 2 # two\r\n\t c\t=\t3\n\n", "{a=1,b=2,c=3}"},
	{"a = -1\nb = +2\nc = 0\nd = 1_000_000\ne = 0xdeadBEEF\nf = 0o17\ng = 0b101\nh = -0",
	 "{a=-1,b=2,c=0,d=1000000,e=3735928559,f=15,g=5,h=0}"},
	{"a = 9223372036854775807\nb = -9223372036854775808", "{a=9223372036854775807,b=-9223372036854775808}"},
	{"a = 1.5\nb = -2e3\nc = 6.25E-2\nd = 1_0.0_1\ne = +0.5", "{a=1.5,b=-2000,c=0.0625,d=10.01,e=0.5}"},
	{"a = inf\nb = -inf", "{a=inf,b=-inf}"},
	{"a = true\nb = false", "{a=true,b=false}"},
	{"a = \"x\\t\\\"\\\\\\u00e9\\U0001F517\" # c", "{a='x\t\"\\é🔗'}"},
	{"a = 'C:\\no\\escape \"'\nb = ''\nc = \"\"", "{a='C:\\no\\escape \"',b='',c=''}"},
	{"\"quoted key\" = 1\n'lit#' = 2\n1234 = 3\n-_a = 4", "{quoted key=1,lit#=2,1234=3,-_a=4}"},
	{"a = []\nb = [ ]\nc = [1, 2 , 3,]\nd = [[1],['x']]", "{a=[],b=[],c=[1,2,3],d=[[1],['x']]}"},
	{"a = [ # c\n\n  1, # one\n  2\n  # end\n]\nb = 1", "{a=[1,2],b=1}"},
	{"a = { b = 1, c.d = 'x' }\ne = {}", "{a={b=1,c={d='x'}},e={}}"},
	{"[a]\nx = 1\n[b]\nx = 2\n[a.c]\nx = 3", "{a={x=1,c={x=3}},b={x=2}}"},
	{"[a.b.c]\nx = 1\n[a]\ny = 2", "{a={b={c={x=1}},y=2}}"},
	{"[ a . 'b' ]\nx = 1", "{a={b={x=1}}}"},
	{"a.b = 1\na.c.d = 2\na . e = 3", "{a={b=1,c={d=2},e=3}}"},
	{"[logging]\ncategories.net = \"debug\"\ncategories.rpc = \"warn\"\nlevel = \"info\"",
	 "{logging={categories={net='debug',rpc='warn'},level='info'}}"},
	{"[f]\na.x = 1\n[f.a.s]\ny = 2", "{f={a={x=1,s={y=2}}}}"},
	{"[[v]]\nn = 1\n[[v]]\n[[v]]\nn = 3", "{v=[{n=1},{},{n=3}]}"},
	{"[[v]]\n[v.t]\nx = 1\n[[v.w]]\ny = 2\n[[v.w]]\n[[v]]\n[v.t]\nx = 2", "{v=[{t={x=1},w=[{y=2},{}]},{t={x=2}}]}"},
	{"[consensus]\nvalidators = [\n { from_height = 1, validators = [\n  { address = \"10.0.0.1\", tier = \"gold\" "
	 "},\n"
	 "  { address = \"10.0.0.2\", tier = \"free\" } ] },\n]",
	 "{consensus={validators=[{from_height=1,validators=[{address='10.0.0.1',tier='gold'},"
	 "{address='10.0.0.2',tier='free'}]}]}}"},
	{"a = [[[[[[[[[[[[[[1]]]]]]]]]]]]]]", "{a=[[[[[[[[[[[[[[1]]]]]]]]]]]]]]}"},
};

START_TEST(accepted)
{
	char text[1024];

	show(text, sizeof(text), parse(good[_i].in));
	ck_assert_str_eq(text, good[_i].out);
	done();
}
END_TEST

static const struct {
	const char *in;
	uint32_t line;
	uint32_t column;
	const char *text; /* a part of the message */
} bad[] = {
	{"a", 1, 2, "end of file, expected '='"},
	{"a\n", 1, 2, "end of line, expected '='"},
	{"a = \n", 1, 5, "expected a value"},
	{"a = 1 2", 1, 7, "'2', expected end of line or a comment"},
	{"a = 1\nb ! 2", 2, 3, "'!', expected '='"},
	{"= 1", 1, 1, "'=', expected a key"},
	{"é = 1", 1, 1, "expected a key"},
	{"a.  = 1", 1, 5, "'=', expected a key"},
	{"a = yes", 1, 5, "no value, expected a string in quotes"},
	{"a = True", 1, 5, "no value"},
	{"a = 01", 1, 5, "no value"},
	{"a = 1__0", 1, 5, "no value"},
	{"a = _1", 1, 5, "no value"},
	{"a = 1_", 1, 5, "no value"},
	{"a = 0x", 1, 5, "no value"},
	{"a = -0x1", 1, 5, "no value"},
	{"a = 1.", 1, 5, "no value"},
	{"a = .5", 1, 5, "no value"},
	{"a = 1e", 1, 5, "no value"},
	{"a = 00.5", 1, 5, "no value"},
	{"a = --1", 1, 5, "no value"},
	{"a = 9223372036854775808", 1, 5, "out of range"},
	{"a = 0xffffffffffffffff", 1, 5, "out of range"},
	{"a = 1e999", 1, 5, "out of range"},
	{"a = 1979-05-27", 1, 5, "dates and times are not supported"},
	{"a = 07:32:00", 1, 5, "dates and times are not supported"},
	{"a = 00000000000000000000000000000000000000000000000000000000000000000000001", 1, 5, "no value"},
	{"a = \"x", 1, 5, "string without its end"},
	{"a = \"x\ny\"", 1, 5, "string without its end"},
	{"a = 'x\r\n", 1, 5, "string without its end"},
	{"a = \"\\q\"", 1, 6, "unknown escape"},
	{"a = \"é\\u12g4\"", 1, 11, "'g', expected four hex digits"},
	{"a = \"\\ud800\"", 1, 6, "escape of no character"},
	{"a = \"\\u0000\"", 1, 6, "escape of no character"},
	{"a = \"\\U00110000\"", 1, 6, "escape of no character"},
	{"a = \"x\x01\"", 1, 7, "control character in a string"},
	{"a = 'x\x7f'", 1, 7, "control character in a string"},
	{"# x\x02", 1, 4, "control character in a comment"},
	{"a = 1\r", 1, 6, "expected end of line"},
	{"a = \"\"\"x\"\"\"", 1, 5, "multi-line strings are not supported"},
	{"a = '''x'''", 1, 5, "multi-line strings are not supported"},
	{"ok = 'é'\nb = '\xff'", 2, 6, "not UTF-8"},
	{"a = [1 2]", 1, 8, "'2', expected ',' or ']'"},
	{"a = [1,\n2", 2, 2, "end of file, expected ',' or ']'"},
	{"a = [,]", 1, 6, "',', expected a value"},
	{"a = {b = 1,}", 1, 12, "'}', expected a key"},
	{"a = {b = 1", 1, 11, "end of file, expected ',' or '}'"},
	{"a = {\nb = 1}", 1, 6, "end of line, expected a key"},
	{"[a", 1, 3, "end of file, expected ']'"},
	{"[a] x", 1, 5, "'x', expected end of line"},
	{"[]", 1, 2, "']', expected a key"},
	{"[[a]", 1, 5, "end of file, expected ']]'"},
	{"[[a] ]", 1, 5, "expected ']]'"},
	{"a = 1\nb = 2\na = 3", 3, 1, "key 'a' is there already, at 1:1"},
	{"[t]\na = 1\n'a' = 2", 3, 1, "key 'a' is there already, at 2:1"},
	{"[a]\n[b]\n[a]", 3, 2, "'a' is there already, at 1:2"},
	{"a = 1\n[a]", 2, 2, "'a' is there already"},
	{"a = 1\n[a.b]", 2, 2, "'a' is not a table that can be added to"},
	{"a = {b = 1}\n[a.c]", 2, 2, "'a' is not a table that can be added to"},
	{"a = {b = 1}\na.c = 2", 2, 1, "'a' cannot be added to here"},
	{"a = {b.c = 1}\n[a.b]", 2, 2, "'a' is not a table that can be added to"},
	{"a = {b = {c = 1}, b.d = 2}", 1, 19, "'b' cannot be added to here"},
	{"a = {b.c = 1, b = 2}", 1, 15, "key 'b' is there already"},
	{"[a.b]\n[a]\nb.c = 1", 3, 1, "'b' cannot be added to here"},
	{"a.b = 1\n[a]", 2, 2, "'a' is there already"},
	{"a = [1]\n[[a]]", 2, 3, "'a' is no array of tables"},
	{"[[a]]\n[a]", 2, 2, "'a' is there already"},
	{"[a]\n[[a]]", 2, 3, "'a' is no array of tables"},
	{"a = [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", 1, 21, "more than 16 levels"},
	{"a = [{b=[{c=[{d=[{e=[{f=[{g=[{h=[{i=1}]}]}]}]}]}]}]}]", 1, 35, "more than 16 levels"},
	{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1", 1, 33, "more than 16 levels"},
};

START_TEST(refused_with_its_place)
{
	struct toml_error error;
	int r = toml_parse(&document, &error, bad[_i].in, strlen(bad[_i].in));

	ck_assert_msg(r == TOML_E_SYNTAX, "accepted: %s", bad[_i].in);
	ck_assert_msg(error.at.line == bad[_i].line && error.at.column == bad[_i].column &&
			      strstr(error.text, bad[_i].text),
		      "'%s' gives %u:%u: %s", bad[_i].in, error.at.line, error.at.column, error.text);
}
END_TEST

START_TEST(nul_and_size_are_refused)
{
	struct toml_error error;
	char *text = malloc(TOML_MAX_BYTES + 1);

	ck_assert_int_eq(toml_parse(&document, &error, "a = 1\n\0", 7), TOML_E_SYNTAX);
	ck_assert_uint_eq(error.at.line, 2);
	ck_assert_str_eq(error.text, "NUL character");
	memset(text, '\n', TOML_MAX_BYTES + 1);
	ck_assert_int_eq(toml_parse(&document, &error, text, TOML_MAX_BYTES), 0);
	done();
	ck_assert_int_eq(toml_parse(&document, &error, text, TOML_MAX_BYTES + 1), TOML_E_SYNTAX);
	free(text);
}
END_TEST

START_TEST(too_many_keys_are_refused)
{
	struct toml_error error;
	char *text = malloc(TOML_MAX_BYTES);
	size_t used = 0;

	for (int i = 0; i <= TOML_MAX_KEYS; i++)
		used += (size_t)sprintf(text + used, "k%d=1\n", i);
	ck_assert_int_eq(toml_parse(&document, &error, text, used), TOML_E_SYNTAX);
	ck_assert_uint_eq(error.at.line, TOML_MAX_KEYS + 1);
	ck_assert_int_eq(toml_parse(&document, &error, text, used - 8), 0);
	done();
	free(text);
}
END_TEST

START_TEST(places_count_characters)
{
	const struct toml_value *root = parse("a = ['é', 12]\n\n[t]\n  'ü' =   true\n");
	const struct toml_value *list = toml_find(root, "a");
	const struct toml_value *flag = toml_find(toml_find(root, "t"), "ü");

	ck_assert_uint_eq(list->at.column, 5);
	ck_assert_uint_eq(list->u.items.last->at.column, 11);
	ck_assert_uint_eq(flag->key_at.line, 4);
	ck_assert_uint_eq(flag->key_at.column, 3);
	ck_assert_uint_eq(flag->at.column, 11);
	ck_assert_ptr_null(toml_find(root, "none"));
	ck_assert_uint_eq(list->u.items.count, 2);
	done();
}
END_TEST

START_TEST(nan_is_a_number_with_a_fraction)
{
	const struct toml_value *v = toml_find(parse("a = nan"), "a");

	ck_assert_int_eq((int)v->kind, TOML_FLOAT);
	ck_assert(isnan(v->u.real));
	done();
	toml_free(NULL);
}
END_TEST

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("toml");
	TCase *tcase = tcase_create("toml");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, accepted, 0, COUNT_OF(good));
	tcase_add_loop_test(tcase, refused_with_its_place, 0, COUNT_OF(bad));
	tcase_add_test(tcase, nul_and_size_are_refused);
	tcase_add_test(tcase, too_many_keys_are_refused);
	tcase_add_test(tcase, places_count_characters);
	tcase_add_test(tcase, nan_is_a_number_with_a_fraction);
	return run_suite(suite);
}
