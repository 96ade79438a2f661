/** Guests from building blocks: page tables, descriptor tables, VMCS and VMCB, behind Nestbox's own assembler. */
package nestbox.testkit.guest;
