{{ check.state|upper }}: {{ check.display_name or check.name }}{% if node %} on {{ node.display_name or node.name }}{% endif %}
