/**
 * Guice modules that wire a whole laboratory: silicon, machine, L0 and its policies. They are a thin shell over constructors;
 * nothing below this package knows of them, and none of them is on a path that a guest's instructions take.
 */
package nestbox.modules;
