/* SPDX-License-Identifier: MIT
 *
 * Whether this build runs under AddressSanitizer or ThreadSanitizer, in gcc's words and clang's: they need larger
 * stacks and bring their own handlers of fatal signals.  THREAD_SANITIZED: under ThreadSanitizer.
 */
#ifndef TIMED_UTIL_SANITIZER_H
#define TIMED_UTIL_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if !defined(SANITIZED)
#define SANITIZED 0
#endif

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZED 1
#endif
#endif

#if !defined(THREAD_SANITIZED)
#define THREAD_SANITIZED 0
#endif

#endif
