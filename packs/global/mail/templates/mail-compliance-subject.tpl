{{ compliance.state }}: {{ compliance.name }}{% if node %} on {{ node.display_name or node.name }}{% endif %}
