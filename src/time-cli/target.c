// SPDX-License-Identifier: MIT
/* See target.h. */
#include "target.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timed/node/config.h"
#include "timed/node/options.h"
#include "timed/rpc/auth.h"
#include "timed/util/file.h"

#define MAX_COOKIE_BYTES 1024
#define RUN_AS "\nRun time-cli as the user of the daemon or as root, or"

static int copy(char **out, const char *text)
{
	free(*out);
	*out = strdup(text);
	return *out ? 0 : -ENOMEM;
}

/* Whether a file of the working directory is ours to follow: in a directory for everybody, such as /tmp, another user
 * could lay one out that leads our password to a port of his. */
static bool trusted(const struct stat *st)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return false;
	/* What is said of a link is who made it: it has no mode. */
	return S_ISLNK(st->st_mode) || !(st->st_mode & S_IWOTH);
}

/* The configuration to go by; NULL: none, the defaults.  A default file describes the daemon of this directory or of
 * this machine, which is not meant by who names a network, a data directory, or an address with what lets in there.
 * 0 or TARGET_E_CONFIG. */
static int find_config(const char **out, char *why, const struct cli_options *options)
{
	bool lets_in = options->user || options->cookie_file || (options->rpc_url && strchr(options->rpc_url, '@'));
	struct stat st;

	*out = options->config_path;
	if (*out || options->data_dir || options->network >= 0 || (options->rpc_url && lets_in))
		return 0;
	if (lstat(OPTIONS_CONFIG_DEFAULT, &st) == 0) {
		*out = OPTIONS_CONFIG_DEFAULT;
		if (trusted(&st))
			return 0;
		snprintf(why, TARGET_WHY_SIZE,
			 OPTIONS_CONFIG_DEFAULT
			 " of this directory is not followed: it belongs to another user, or "
			 "everybody may write to it\nIf it is meant, say --config " OPTIONS_CONFIG_DEFAULT ".");
		return TARGET_E_CONFIG;
	}
	/* One that we may not read is still that of the daemon that is meant. */
	if (access(TARGET_SYSTEM_CONFIG, F_OK) == 0 || errno == EACCES)
		*out = TARGET_SYSTEM_CONFIG;
	return 0;
}

static void tell_messages(char *why, const struct config_messages *messages)
{
	size_t used = 0;

	for (size_t i = 0; i < messages->count && used < TARGET_WHY_SIZE; i++) {
		if (messages->items[i].severity == CONFIG_ERROR)
			used += (size_t)snprintf(why + used, TARGET_WHY_SIZE - used, "%s%s", used ? "\n" : "",
						 messages->items[i].text);
	}
}

/* 0 and a resolved *config; TARGET_E_CONFIG or -ENOMEM. */
static int read_config(struct config **config, char *why, const struct cli_options *options, const char *path)
{
	struct config_messages messages = {0};
	int r = path ? config_load(config, path, &messages) : config_default(config);

	if (!r && options->network >= 0)
		(*config)->node.network = (enum chain_network)options->network;
	if (!r && options->data_dir)
		r = config_set_string(&(*config)->storage.data_dir, options->data_dir);
	if (!r)
		r = config_resolve(*config, &messages);
	if (r > 0) {
		tell_messages(why, &messages);
		r = TARGET_E_CONFIG;
	} else if (r < 0 && r != -ENOMEM) {
		snprintf(why, TARGET_WHY_SIZE, "%.256s: cannot be read: %s%s", path, strerror(-r),
			 r == -EACCES ? RUN_AS " say --network or --datadir." : "");
		r = TARGET_E_CONFIG;
	}
	config_messages_free(&messages);
	return r;
}

/* The address to which one connects in order to reach what listens there. */
static void reachable(struct net_addr *out, const struct config *config)
{
	static const char v4[] = "127.0.0.1", v6[] = "::1";
	struct net_addr listen = config->rpc.listen_address;
	char text[NET_ADDR_TEXT_SIZE];
	const char *self;

	*out = listen;
	if (!net_ip_is_unspecified(&listen.ip))
		return;
	net_addr_text(text, &listen);
	self = text[0] == '[' ? v6 : v4;
	if (net_addr_parse(out, self, strlen(self), listen.port))
		*out = listen;
}

static int from_config(struct target *out, const struct config *config)
{
	char text[NET_ADDR_TEXT_SIZE];
	struct net_addr addr;
	int r;

	reachable(&addr, config);
	net_addr_text(text, &addr);
	r = copy(&out->name, text);
	if (!r && asprintf(&out->url, "http://%s/", text) < 0) {
		out->url = NULL;
		r = -ENOMEM;
	}
	if (!r && asprintf(&out->cookie_path, "%s/" AUTH_COOKIE_FILE, config->storage.data_dir) < 0) {
		out->cookie_path = NULL;
		r = -ENOMEM;
	}
	if (!r && *config->rpc.user)
		r = copy(&out->fallback_user, config->rpc.user);
	return r || !*config->rpc.user ? r : copy(&out->fallback_password, config->rpc.password);
}

/* Takes a part of the URL out of it; *part stays NULL when there is none. */
static int take_part(CURLU *url, char **part, CURLUPart which)
{
	char *text = NULL;
	int r = 0;

	if (curl_url_get(url, which, &text, CURLU_URLDECODE) == CURLUE_OK && text) {
		r = copy(part, text);
		if (curl_url_set(url, which, NULL, 0) != CURLUE_OK)
			r = -ENOMEM;
	}
	curl_free(text);
	return r;
}

static int get_part(CURLU *url, char **part, CURLUPart which)
{
	char *text = NULL;
	int r = -ENOMEM;

	if (curl_url_get(url, which, &text, 0) == CURLUE_OK && text)
		r = copy(part, text);
	curl_free(text);
	return r;
}

/* Fills in what the URL leaves out: scheme and port. */
static int complete_url(struct target *out, CURLU *url, const char *port)
{
	char *host = NULL, *own_port = NULL;
	int r;

	if (get_part(url, &own_port, CURLUPART_PORT) && curl_url_set(url, CURLUPART_PORT, port, 0) != CURLUE_OK)
		return -ENOMEM;
	r = get_part(url, &host, CURLUPART_HOST);
	if (!r)
		r = get_part(url, &out->url, CURLUPART_URL);
	free(out->name);
	if (!r && asprintf(&out->name, "%s:%s", host, own_port ? own_port : port) < 0)
		r = -ENOMEM;
	if (r)
		out->name = NULL;
	free(host);
	free(own_port);
	return r;
}

static int from_url(struct target *out, char *why, const char *text, const struct config *config)
{
	char port[8];
	CURLU *url = curl_url();
	char *scheme = NULL;
	int r = url ? 0 : -ENOMEM;

	snprintf(port, sizeof(port), "%u", config->rpc.port);
	if (!r && curl_url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME) != CURLUE_OK)
		r = TARGET_E_CONFIG;
	if (!r)
		r = get_part(url, &scheme, CURLUPART_SCHEME);
	if (!r && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		r = TARGET_E_CONFIG;
	if (r == TARGET_E_CONFIG)
		snprintf(why, TARGET_WHY_SIZE, "--rpc-url: \"%.256s\", expected http://HOST:PORT or HOST[:PORT]", text);
	if (!r)
		r = take_part(url, &out->user, CURLUPART_USER);
	if (!r)
		r = take_part(url, &out->password, CURLUPART_PASSWORD);
	if (!r)
		r = complete_url(out, url, port);
	free(scheme);
	curl_url_cleanup(url);
	return r;
}

static int take_credentials(struct target *out, char *why, const struct cli_options *options, const char *password)
{
	const char *given = password ? password : options->password;
	int r = 0;

	if (options->cookie_file)
		r = copy(&out->cookie_path, options->cookie_file);
	if (!r && options->user)
		r = copy(&out->user, options->user);
	if (!r && given && !out->user)
		r = out->fallback_user ? copy(&out->user, out->fallback_user) : TARGET_E_CONFIG;
	if (!r && given)
		r = copy(&out->password, given);
	if (!r && out->user && !out->password)
		r = out->fallback_password ? copy(&out->password, out->fallback_password) : TARGET_E_CONFIG;
	if (r == TARGET_E_CONFIG)
		snprintf(why, TARGET_WHY_SIZE, "%s",
			 out->user ? "--rpcuser: a password is needed too" : "--rpcpassword: a user is needed too");
	return r;
}

int target_resolve(struct target *out, char why[TARGET_WHY_SIZE], const struct cli_options *options,
		   const char *password)
{
	struct config *config = NULL;
	const char *path;
	int r;

	memset(out, 0, sizeof(*out));
	why[0] = 0;
	r = find_config(&path, why, options);
	if (!r)
		r = read_config(&config, why, options, path);
	if (!r && path)
		r = copy(&out->config_path, path);
	if (!r)
		r = from_config(out, config);
	if (!r && options->rpc_url)
		r = from_url(out, why, options->rpc_url, config);
	if (!r)
		r = take_credentials(out, why, options, password);
	config_free(config);
	return r;
}

/* The daemon makes its cookie when it starts, and removes it when it stops. */
static void tell_cookie(char *why, const struct target *target, int error)
{
	const char *path = target->cookie_path;

	if (error == ENOENT)
		snprintf(why, TARGET_WHY_SIZE,
			 "timed does not seem to run: there is no cookie %.300s\nIf its data directory is another one, "
			 "say "
			 "--datadir, --network or --config.",
			 path);
	else
		snprintf(why, TARGET_WHY_SIZE, "cannot read the cookie (%s): %.300s%s", strerror(error), path,
			 error == EACCES ? RUN_AS " give --rpcuser and --rpcpassword." : "");
}

int target_credentials(char **out, char why[TARGET_WHY_SIZE], const struct target *target)
{
	const char *user = target->user, *password = target->password;
	char *cookie;
	size_t len;
	int r;

	if (!user) {
		r = file_read(&cookie, &len, target->cookie_path, MAX_COOKIE_BYTES);
		if (!r) {
			cookie[strcspn(cookie, "\r\n")] = 0;
			*out = cookie;
			return 0;
		}
		if (!target->fallback_user) {
			tell_cookie(why, target, -r);
			return TARGET_E_COOKIE;
		}
		user = target->fallback_user;
		password = target->fallback_password;
	}
	return asprintf(out, "%s:%s", user, password) < 0 ? -ENOMEM : 0;
}

void target_free(struct target *target)
{
	char *secrets[] = {target->password, target->fallback_password};

	for (size_t i = 0; i < 2; i++) {
		if (secrets[i])
			explicit_bzero(secrets[i], strlen(secrets[i]));
		free(secrets[i]);
	}
	free(target->url);
	free(target->name);
	free(target->user);
	free(target->cookie_path);
	free(target->fallback_user);
	free(target->config_path);
}
