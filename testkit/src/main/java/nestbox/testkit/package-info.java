/** Scenarios and tools for tests of hypervisors on Nestbox. */
package nestbox.testkit;
