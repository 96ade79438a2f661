/** Differential runs: random guests on real machine code under several ways to run them, compared step by step. */
package nestbox.testkit.differential;
