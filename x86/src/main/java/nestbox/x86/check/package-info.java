/**
 * What {@code nestbox check} asks of a virtualization extension: a control structure as text describes it goes in, every check
 * that it violates comes out. Each extension supplies one {@link nestbox.x86.check.StateChecker}.
 */
package nestbox.x86.check;
