Group {{ group }} {% if group_modification == 'add' %}added{% else %}removed{% endif %}{% if node %} on {{ node.display_name or node.name }}{% endif %}
