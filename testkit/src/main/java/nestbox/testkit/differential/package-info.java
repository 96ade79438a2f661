/**
 * Differential runs: random guests on real machine code under several ways to run them, compared step by step; and random L1 hypervisors
 * with two guests each ({@code Nested...}, {@code Vmx...}, {@code Svm...}). A step of those is one generated action of L1 or of a guest:
 * a memory access, an instruction, an edit of a table, a VMCS field or an intercept, an invalidation, an interrupt, a nested entry with a
 * changed VMCS or VMCB; the exits and entries that lead from one step to the next are none.
 */
package nestbox.testkit.differential;
