/**
 * The judge behind {@code --check tlb}: whether each translation that a guest's processor uses is one that the guest's own tables
 * give now, or gave since the last invalidation that the manual says covers it. It sees architectural events and writes to tables
 * alone; nothing of what the MMU core believes to owe.
 */
package nestbox.l0.ledger;
