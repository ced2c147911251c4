/* core_thread.h -- how many threads, politely
 *
 * The default is min(2, processors that OpenMP reports); OMP_THREAD_LIMIT is
 * honoured. A child of fork() runs on one thread, because libgomp's pool does
 * not survive a fork. Without OpenMP the answer is always 1.
 */
#ifndef SR_CORE_THREAD_H
#define SR_CORE_THREAD_H

void sr_thread_init(void);     /* once, on loading */
int sr_thread_count(void);     /* threads in force, at least 1 */
int sr_thread_limit(void);     /* the most that can be set */
void sr_thread_set(int count); /* clamped to 1..limit; 0: the default */

#endif
