/**
 * The test kit: {@link nestbox.testkit.NestedTest} runs a guest over models, hypervisors and policies,
 * {@link nestbox.testkit.NestboxAssertions} claims what it did; {@link nestbox.testkit.ImageTests} takes test images as they are.
 */
package nestbox.testkit;
