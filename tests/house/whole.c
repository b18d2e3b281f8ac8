// SPDX-License-Identifier: MIT
/* A program that does nothing: what it is linked with as a whole is looked into by traces.py. */
int main(void)
{
	return 0;
}
